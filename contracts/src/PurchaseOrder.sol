// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9;

import "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import "./Evidence.sol";

/// @title A purchase order whose price lies in escrow and moves on accepted evidence.
/// @notice Quantities are whole numbers of the order's smallest unit, prices whole numbers of the token's. Each state that
/// waits for somebody ends by itself: `expire` may be called by anyone once its time is over. Parties fetch what is
/// theirs (`withdraw`); nothing is ever sent to them.
contract PurchaseOrder is Evidence {
    using SafeERC20 for IERC20;

    enum State {
        None,
        Offered,
        Funded,
        Delivered,
        Disputed,
        Closed,
        Cancelled
    }

    struct Terms {
        address buyer;
        address seller;
        address arbiter;
        IERC20 token;
        InspectorRegistry inspectors;
        bytes32 logId;
        bytes32 paper;
        uint128 unitPrice;
        uint64 quantity;
        uint40 fundBy;
        uint40 deliverBy;
        uint32 graceSeconds;
        uint32 inspectSeconds;
        uint32 arbitrateSeconds;
        uint16 latePerDay;
        uint16 lateMost;
        uint16 sellerShareIfSilent;
    }

    uint256 private constant WHOLE = 10_000;

    // One row below is one slot of 32 bytes; the first shares its slot with the two bytes of Initializable.
    address public buyer;
    uint40 public fundBy;
    uint40 public deliverBy;

    address public seller;
    uint32 public graceSeconds;
    uint32 public inspectSeconds;
    uint32 public arbitrateSeconds;

    address public arbiter;
    /// Hundredths of a per cent of the price for each day begun after `deliverBy`.
    uint16 public latePerDay;
    /// The most of it, in hundredths of a per cent.
    uint16 public lateMost;
    /// The seller's share, in hundredths of a per cent, of what is open when the arbiter stays silent.
    uint16 public sellerShareIfSilent;

    IERC20 public token;
    InspectorRegistry public inspectors;
    bytes32 public logId;

    uint128 public unitPrice;
    uint64 public quantity;

    State private _state;
    /// Hundredths of a per cent that the seller loses for being late.
    uint16 public late;
    /// When the wait of this state is over.
    uint40 public until;
    uint64 public accepted;
    uint64 public rejected;

    /// What each of the two may withdraw now, in the token's smallest unit.
    mapping(address => uint256) public credit;

    event Offered(address indexed buyer, address indexed seller, bytes32 indexed logId, bytes32 paper, uint256 total);
    event Funded(uint256 total);
    event Delivered(bytes32 note, uint16 late, uint40 inspectBy);
    event Settled(bytes32 indexed leaf, address indexed inspector, uint64 accepted, uint64 rejected, uint256 toSeller, uint256 toBuyer);
    event Disputed(address indexed by, uint40 arbitrateBy);
    event Ended(State state, uint256 toSeller, uint256 toBuyer);
    event Withdrawn(address indexed party, address indexed to, uint256 amount);

    error TokenNotAllowed(address token);
    error TokenTakesFee(uint256 wanted, uint256 received);
    error MoreThanOpen(uint256 given, uint256 open);
    error NothingToWithdraw(address party);

    constructor(address registry_, EvidenceAnchor anchor_)
        Template(registry_)
        Evidence(anchor_)
        EIP712("Assay Purchase Order", "1")
    {}

    /// @notice The buyer pays the whole price into escrow; the order is binding for the buyer from here.
    function fund() external {
        _in(State.Offered);
        if (msg.sender != buyer) revert NotAllowed(msg.sender);
        if (block.timestamp > fundBy) revert TooLate(fundBy);
        uint256 total = uint256(unitPrice) * quantity;
        _state = State.Funded;
        until = deliverBy + graceSeconds;
        IERC20 money = token;
        uint256 before = money.balanceOf(address(this));
        money.safeTransferFrom(msg.sender, address(this), total);
        uint256 received = money.balanceOf(address(this)) - before;
        if (received != total) revert TokenTakesFee(total, received);
        emit Funded(total);
    }

    /// @notice Buyer or seller drop an offer that isn't funded; the seller may also decline a funded one.
    function cancel() external {
        if (_state == State.Offered && (msg.sender == buyer || msg.sender == seller)) {
            _state = State.Cancelled;
            emit Ended(State.Cancelled, 0, 0);
        } else if (_state == State.Funded && msg.sender == seller) {
            _split(0, State.Cancelled);
        } else if (_state == State.Offered || _state == State.Funded) {
            revert NotAllowed(msg.sender);
        } else {
            revert WrongState(uint8(_state));
        }
    }

    /// @notice The seller says that the goods are there, which starts the time for inspecting them.
    /// @param note hash of the delivery note
    function deliver(bytes32 note) external {
        _in(State.Funded);
        if (msg.sender != seller) revert NotAllowed(msg.sender);
        if (block.timestamp > until) revert TooLate(until);
        uint16 lost = _lateness();
        _state = State.Delivered;
        late = lost;
        until = uint40(block.timestamp) + inspectSeconds;
        emit Delivered(note, lost, until);
    }

    /// @notice Settle inspected goods: what was accepted is paid, what was rejected is paid back; the rest stays open.
    /// Anyone who holds the inspector's attestation may bring it.
    function settle(Inclusion calldata entry, Verdict calldata verdict) external {
        _in(State.Delivered);
        if (block.timestamp > until) revert TooLate(until);
        uint256 given = uint256(verdict.accepted) + verdict.rejected;
        uint256 open = uint256(quantity) - accepted - rejected;
        if (given == 0 || given > open) revert MoreThanOpen(given, open);
        uint256 price = uint256(unitPrice) * verdict.accepted;
        uint256 toSeller = price - (price * late) / WHOLE;
        uint256 toBuyer = uint256(unitPrice) * given - toSeller;
        accepted += verdict.accepted;
        rejected += verdict.rejected;
        _credit(toSeller, toBuyer);
        address inspector = _admit(logId, inspectors, entry, verdict);
        if (inspector == seller) revert NotAnInspector(inspector);
        emit Settled(entry.leaf, inspector, verdict.accepted, verdict.rejected, toSeller, toBuyer);
        if (given == open) {
            _state = State.Closed;
            emit Ended(State.Closed, 0, 0);
        }
    }

    /// @notice Buyer or seller call the arbiter about what is still open.
    function dispute() external {
        _in(State.Delivered);
        if (msg.sender != buyer && msg.sender != seller) revert NotAllowed(msg.sender);
        _openDispute(msg.sender);
    }

    /// @notice The arbiter splits what is still open.
    /// @param sellerShare hundredths of a per cent
    function arbitrate(uint16 sellerShare) external {
        _in(State.Disputed);
        if (msg.sender != arbiter) revert NotAllowed(msg.sender);
        if (block.timestamp > until) revert TooLate(until);
        if (sellerShare > WHOLE) revert TermsInvalid("sellerShare");
        _split(sellerShare, State.Closed);
    }

    /// @notice Go on where a wait is over; anyone may. Unfunded: cancelled. Not delivered: all back to the buyer. Not
    /// inspected: the arbiter is called. The arbiter silent: the split agreed at creation.
    function expire() external {
        State now_ = _state;
        if (now_ == State.None || now_ > State.Disputed) revert WrongState(uint8(now_));
        uint256 end = now_ == State.Offered ? fundBy : until;
        if (block.timestamp <= end) revert TooEarly(end);
        if (now_ == State.Offered) {
            _state = State.Cancelled;
            emit Ended(State.Cancelled, 0, 0);
        } else if (now_ == State.Funded) {
            _split(0, State.Cancelled);
        } else if (now_ == State.Delivered) {
            _openDispute(msg.sender);
        } else {
            _split(sellerShareIfSilent, State.Closed);
        }
    }

    /// @notice Fetch what is the sender's.
    /// @param to where it goes
    function withdraw(address to) external {
        if (to == address(0) || to == address(this)) revert TermsInvalid("to");
        uint256 amount = credit[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        credit[msg.sender] = 0;
        emit Withdrawn(msg.sender, to, amount);
        token.safeTransfer(to, amount);
    }

    function state() external view override returns (uint8) {
        return uint8(_state);
    }

    function _begin(address creator, bytes calldata params) internal override {
        Terms memory terms = abi.decode(params, (Terms));
        _checkTerms(creator, terms);
        buyer = terms.buyer;
        fundBy = terms.fundBy;
        deliverBy = terms.deliverBy;
        seller = terms.seller;
        graceSeconds = terms.graceSeconds;
        inspectSeconds = terms.inspectSeconds;
        arbitrateSeconds = terms.arbitrateSeconds;
        arbiter = terms.arbiter;
        latePerDay = terms.latePerDay;
        lateMost = terms.lateMost;
        sellerShareIfSilent = terms.sellerShareIfSilent;
        token = terms.token;
        inspectors = terms.inspectors;
        logId = terms.logId;
        unitPrice = terms.unitPrice;
        quantity = terms.quantity;
        _state = State.Offered;
        emit Offered(
            terms.buyer, terms.seller, terms.logId, terms.paper, uint256(terms.unitPrice) * terms.quantity
        );
    }

    function _checkTerms(address creator, Terms memory terms) private view {
        if (creator != terms.buyer && creator != terms.seller) revert NotAllowed(creator);
        if (terms.buyer == address(0) || terms.buyer == terms.seller) revert TermsInvalid("buyer");
        if (terms.seller == address(0)) revert TermsInvalid("seller");
        if (terms.buyer == address(this) || terms.seller == address(this)) revert TermsInvalid("party");
        if (terms.arbiter == address(0) || terms.arbiter == terms.buyer || terms.arbiter == terms.seller) {
            revert TermsInvalid("arbiter");
        }
        if (!TemplateRegistry(registry).tokenAllowed(address(terms.token))) {
            revert TokenNotAllowed(address(terms.token));
        }
        if (address(terms.inspectors).code.length == 0) revert TermsInvalid("inspectors");
        if (terms.logId == bytes32(0)) revert TermsInvalid("logId");
        if (terms.unitPrice == 0) revert TermsInvalid("unitPrice");
        if (terms.quantity == 0) revert TermsInvalid("quantity");
        if (terms.fundBy < block.timestamp) revert TermsInvalid("fundBy");
        if (terms.deliverBy <= terms.fundBy || terms.deliverBy > block.timestamp + 36500 days) {
            revert TermsInvalid("deliverBy");
        }
        if (terms.inspectSeconds == 0 || terms.arbitrateSeconds == 0) revert TermsInvalid("seconds");
        if (terms.latePerDay > terms.lateMost || terms.lateMost > WHOLE) revert TermsInvalid("late");
        if (terms.sellerShareIfSilent > WHOLE) revert TermsInvalid("sellerShareIfSilent");
    }

    function _in(State wanted) private view {
        if (_state != wanted) revert WrongState(uint8(_state));
    }

    function _lateness() private view returns (uint16) {
        if (block.timestamp <= deliverBy) return 0;
        uint256 begun = (block.timestamp - deliverBy - 1) / 1 days + 1;
        uint256 lost = begun * latePerDay;
        return uint16(lost < lateMost ? lost : lateMost);
    }

    function _openDispute(address by) private {
        _state = State.Disputed;
        until = uint40(block.timestamp) + arbitrateSeconds;
        emit Disputed(by, until);
    }

    /// Splits what is still open; the seller's part is rounded down, the buyer gets the rest.
    function _split(uint256 sellerShare, State last) private {
        uint256 open = uint256(unitPrice) * (uint256(quantity) - accepted - rejected);
        uint256 toSeller = (open * sellerShare) / WHOLE;
        _state = last;
        _credit(toSeller, open - toSeller);
        emit Ended(last, toSeller, open - toSeller);
    }

    function _credit(uint256 toSeller, uint256 toBuyer) private {
        if (toSeller != 0) credit[seller] += toSeller;
        if (toBuyer != 0) credit[buyer] += toBuyer;
    }
}
