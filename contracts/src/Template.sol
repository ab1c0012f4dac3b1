// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9;

import "@openzeppelin/contracts/proxy/utils/Initializable.sol";

import "./ITemplate.sol";

/// @title The ground of a template: a locked implementation, and clones that only the registry sets up.
abstract contract Template is ITemplate, Initializable {
    address public immutable override registry;

    error OnlyRegistry(address sender);
    error TermsInvalid(string what);
    error WrongState(uint8 state);
    error NotAllowed(address sender);
    error TooEarly(uint256 until);
    error TooLate(uint256 since);

    constructor(address registry_) {
        registry = registry_;
        _disableInitializers();
    }

    function initialise(address creator, bytes calldata params) external override initializer {
        if (msg.sender != registry) revert OnlyRegistry(msg.sender);
        _begin(creator, params);
    }

    function _begin(address creator, bytes calldata params) internal virtual;
}
