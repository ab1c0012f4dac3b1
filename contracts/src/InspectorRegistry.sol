// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9;

import "./Template.sol";

/// @title The inspectors that an authority vouches for, each up to a day.
/// @notice A template like any other. A dismissed or expired inspector's attestation counts no more unless it was settled
/// before.
contract InspectorRegistry is Template {
    /// Who appoints and dismisses.
    address public authority;
    /// Who may take that over.
    address public successor;
    /// Last second at which an inspector's attestation counts; 0 for anyone else.
    mapping(address => uint64) public appointedUntil;

    event Appointed(address indexed inspector, uint64 until);
    event Dismissed(address indexed inspector);
    event AuthorityOffered(address indexed successor);
    event AuthorityTaken(address indexed authority);

    constructor(address registry_) Template(registry_) {}

    modifier onlyAuthority() {
        if (msg.sender != authority) revert NotAllowed(msg.sender);
        _;
    }

    /// @notice Appoint an inspector, or move the day.
    function appoint(address inspector, uint64 until) external onlyAuthority {
        if (inspector == address(0)) revert TermsInvalid("inspector");
        if (until < block.timestamp) revert TooLate(until);
        appointedUntil[inspector] = until;
        emit Appointed(inspector, until);
    }

    /// @notice Dismiss an inspector, from now on.
    function dismiss(address inspector) external onlyAuthority {
        appointedUntil[inspector] = 0;
        emit Dismissed(inspector);
    }

    /// @notice Offer the authority to another account, which has to take it.
    function offerAuthority(address successor_) external onlyAuthority {
        successor = successor_;
        emit AuthorityOffered(successor_);
    }

    /// @notice Take an offered authority.
    function takeAuthority() external {
        if (msg.sender != successor) revert NotAllowed(msg.sender);
        authority = msg.sender;
        successor = address(0);
        emit AuthorityTaken(msg.sender);
    }

    /// @notice Whether an account's attestations count now.
    function isInspector(address account) external view returns (bool) {
        return appointedUntil[account] != 0 && block.timestamp <= appointedUntil[account];
    }

    /// @notice 1 (in force), always: it holds nothing and waits for nobody.
    function state() external pure override returns (uint8) {
        return 1;
    }

    function _begin(address, bytes calldata params) internal override {
        authority = abi.decode(params, (address));
        if (authority == address(0)) revert TermsInvalid("authority");
        emit AuthorityTaken(authority);
    }
}
