// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9;

import "./Evidence.sol";

/// @title One lot's inspection, ordered by a client, attested by a registered inspector, open to contest for a while.
/// @notice Other contracts and people read `result`. It holds no money. A silent authority leaves a contested attestation
/// as it was agreed at creation.
contract InspectionAttestation is Evidence {
    enum State {
        None,
        Ordered,
        Attested,
        Contested,
        Standing,
        Revoked,
        Lapsed
    }

    struct Terms {
        address client;
        InspectorRegistry inspectors;
        bytes32 logId;
        bytes32 subject;
        uint64 quantity;
        uint64 attestBy;
        uint32 contestSeconds;
        uint32 rulingSeconds;
        bool standsIfSilent;
    }

    address public client;
    uint64 public attestBy;
    State private _state;
    InspectorRegistry public inspectors;
    uint32 public contestSeconds;
    uint32 public rulingSeconds;
    bool public standsIfSilent;
    bytes32 public logId;
    /// Salted hash of what is inspected; the id itself stays off the chain.
    bytes32 public subject;
    uint64 public quantity;
    uint64 public accepted;
    uint64 public rejected;
    /// When the wait of this state is over.
    uint64 public until;
    address public inspector;
    bytes32 public leaf;

    event Ordered(address indexed client, address indexed inspectors, bytes32 indexed logId, bytes32 subject, uint64 quantity);
    event Attested(address indexed inspector, bytes32 indexed leaf, uint64 accepted, uint64 rejected);
    event Contested(bytes32 reason);
    event Ended(State state);

    constructor(address registry_, EvidenceAnchor anchor_)
        Template(registry_)
        Evidence(anchor_)
        EIP712("Assay Inspection Attestation", "1")
    {}

    /// @notice Bring the inspector's attestation; anyone who holds it may.
    function attest(Inclusion calldata entry, Verdict calldata verdict) external {
        _in(State.Ordered);
        if (block.timestamp > attestBy) revert TooLate(attestBy);
        if (uint256(verdict.accepted) + verdict.rejected != quantity) revert TermsInvalid("quantity");
        _state = State.Attested;
        until = uint64(block.timestamp) + contestSeconds;
        accepted = verdict.accepted;
        rejected = verdict.rejected;
        leaf = entry.leaf;
        inspector = _admit(logId, inspectors, entry, verdict);
        emit Attested(inspector, entry.leaf, verdict.accepted, verdict.rejected);
    }

    /// @notice The client contests what was attested; the inspectors' authority rules.
    /// @param reason hash of the reasons
    function contest(bytes32 reason) external {
        _in(State.Attested);
        if (msg.sender != client) revert NotAllowed(msg.sender);
        if (block.timestamp > until) revert TooLate(until);
        _state = State.Contested;
        until = uint64(block.timestamp) + rulingSeconds;
        emit Contested(reason);
    }

    /// @notice The authority lets a contested attestation stand, or revokes it.
    function rule(bool stands) external {
        _in(State.Contested);
        if (msg.sender != inspectors.authority()) revert NotAllowed(msg.sender);
        if (block.timestamp > until) revert TooLate(until);
        _end(stands ? State.Standing : State.Revoked);
    }

    /// @notice The client takes an order back before anything is attested.
    function cancel() external {
        _in(State.Ordered);
        if (msg.sender != client) revert NotAllowed(msg.sender);
        _end(State.Lapsed);
    }

    /// @notice Go on where a wait is over; anyone may.
    function expire() external {
        uint256 end = _state == State.Ordered ? attestBy : until;
        if (_state == State.None || _state > State.Contested) revert WrongState(uint8(_state));
        if (block.timestamp <= end) revert TooEarly(end);
        if (_state == State.Ordered) _end(State.Lapsed);
        else if (_state == State.Attested) _end(State.Standing);
        else _end(standsIfSilent ? State.Standing : State.Revoked);
    }

    /// @notice What stands: final only in state 4; quantities are zero otherwise.
    function result() external view returns (bool stands, uint64 accepted_, uint64 rejected_, bytes32 leaf_) {
        if (_state != State.Standing) return (false, 0, 0, bytes32(0));
        return (true, accepted, rejected, leaf);
    }

    function state() external view override returns (uint8) {
        return uint8(_state);
    }

    function _begin(address creator, bytes calldata params) internal override {
        Terms memory terms = abi.decode(params, (Terms));
        if (terms.client == address(0) || creator != terms.client) revert TermsInvalid("client");
        if (address(terms.inspectors).code.length == 0) revert TermsInvalid("inspectors");
        if (terms.logId == bytes32(0)) revert TermsInvalid("logId");
        if (terms.quantity == 0) revert TermsInvalid("quantity");
        if (terms.attestBy <= block.timestamp) revert TermsInvalid("attestBy");
        if (terms.contestSeconds == 0 || terms.rulingSeconds == 0) revert TermsInvalid("seconds");
        client = terms.client;
        attestBy = terms.attestBy;
        _state = State.Ordered;
        inspectors = terms.inspectors;
        contestSeconds = terms.contestSeconds;
        rulingSeconds = terms.rulingSeconds;
        standsIfSilent = terms.standsIfSilent;
        logId = terms.logId;
        subject = terms.subject;
        quantity = terms.quantity;
        emit Ordered(terms.client, address(terms.inspectors), terms.logId, terms.subject, terms.quantity);
    }

    function _in(State wanted) private view {
        if (_state != wanted) revert WrongState(uint8(_state));
    }

    function _end(State last) private {
        _state = last;
        until = 0;
        emit Ended(last);
    }
}
