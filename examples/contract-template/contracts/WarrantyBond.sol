// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9;

import "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import "src/Template.sol";
import "src/TemplateRegistry.sol";

/// @title A supplier's bond for the time of a warranty, and the customer's claims on it.
contract WarrantyBond is Template {
    using SafeERC20 for IERC20;

    enum State {
        Offered,
        Posted,
        Claimed,
        Over
    }

    /// In the order of the manifest's terms.
    struct Terms {
        address supplier;
        address customer;
        address arbiter;
        IERC20 token;
        uint128 bond;
        uint64 postBy;
        uint64 warrantySeconds;
        uint64 rulingSeconds;
    }

    address public supplier;
    address public customer;
    address public arbiter;
    IERC20 public token;
    uint128 public bond;
    uint64 public postBy;
    uint64 public warrantySeconds;
    uint64 public rulingSeconds;

    State private _state;
    /// When the wait of this state is over.
    uint64 public until;
    /// When the warranty ends.
    uint64 public endsAt;
    /// What the customer claims of what is left.
    uint128 public claimed;
    uint128 public left;
    mapping(address => uint256) public credit;

    event Claimed(uint128 amount, bytes32 reason);
    event Ruled(uint128 paid);

    constructor(address registry_) Template(registry_) {}

    /// @notice The supplier pays the bond in; the warranty begins.
    function post() external {
        _in(State.Offered);
        _only(supplier);
        if (block.timestamp > postBy) revert TooLate(postBy);
        _state = State.Posted;
        left = bond;
        endsAt = uint64(block.timestamp) + warrantySeconds;
        until = endsAt;
        IERC20 money = token;
        uint256 before = money.balanceOf(address(this));
        money.safeTransferFrom(msg.sender, address(this), bond);
        if (money.balanceOf(address(this)) - before != bond) revert TermsInvalid("token");
    }

    /// @notice The customer claims a part of the bond.
    /// @param reason hash of the complaint
    function claim(uint128 amount, bytes32 reason) external {
        _in(State.Posted);
        _only(customer);
        if (block.timestamp > until) revert TooLate(until);
        if (amount == 0 || amount > left) revert TermsInvalid("amount");
        _state = State.Claimed;
        claimed = amount;
        until = uint64(block.timestamp) + rulingSeconds;
        emit Claimed(amount, reason);
    }

    /// @notice The supplier pays a claim of its own will.
    function concede() external {
        _in(State.Claimed);
        _only(supplier);
        _pay(claimed);
    }

    /// @notice The arbiter says how much of the claim is due.
    function rule(uint128 due) external {
        _in(State.Claimed);
        _only(arbiter);
        if (block.timestamp > until) revert TooLate(until);
        if (due > claimed) revert TermsInvalid("due");
        _pay(due);
    }

    /// @notice Go on after a time-out; anyone may. Not posted or over: the end. A silent arbiter: half of the claim.
    function expire() external {
        State now_ = _state;
        uint256 end = now_ == State.Offered ? postBy : until;
        if (now_ == State.Over) revert WrongState(uint8(now_));
        if (block.timestamp <= end) revert TooEarly(end);
        if (now_ == State.Claimed) {
            _pay(claimed / 2);
        } else {
            _state = State.Over;
            _credit(supplier, left);
            left = 0;
        }
    }

    /// @notice Fetch what is the sender's.
    function withdraw(address to) external {
        if (to == address(0) || to == address(this)) revert TermsInvalid("to");
        uint256 amount = credit[msg.sender];
        credit[msg.sender] = 0;
        token.safeTransfer(to, amount);
    }

    function state() external view override returns (uint8) {
        return uint8(_state);
    }

    function _begin(address creator, bytes calldata params) internal override {
        Terms memory terms = abi.decode(params, (Terms));
        supplier = terms.supplier;
        customer = terms.customer;
        arbiter = terms.arbiter;
        token = terms.token;
        bond = terms.bond;
        postBy = terms.postBy;
        warrantySeconds = terms.warrantySeconds;
        rulingSeconds = terms.rulingSeconds;
        if (creator != supplier && creator != customer) revert NotAllowed(creator);
        if (supplier == address(0) || customer == address(0) || supplier == customer) revert TermsInvalid("parties");
        if (arbiter == address(0) || arbiter == supplier || arbiter == customer) revert TermsInvalid("arbiter");
        if (!TemplateRegistry(registry).tokenAllowed(address(token))) revert TermsInvalid("token");
        if (bond == 0 || warrantySeconds == 0 || rulingSeconds == 0) revert TermsInvalid("bond");
        if (warrantySeconds > 36500 days || rulingSeconds > 36500 days) revert TermsInvalid("seconds");
    }

    function _pay(uint128 due) private {
        left -= due;
        claimed = 0;
        _state = State.Posted;
        until = endsAt;
        _credit(customer, due);
    }

    function _credit(address whose, uint256 amount) private {
        credit[whose] += amount;
    }

    function _in(State wanted) private view {
        if (_state != wanted) revert WrongState(uint8(_state));
    }

    function _only(address who) private view {
        if (msg.sender != who) revert NotAllowed(msg.sender);
    }
}
