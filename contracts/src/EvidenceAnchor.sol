// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9;

import "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import "./Rfc6962.sol";

/// @title Heads of evidence logs, each grown only by a quorum of the log's anchor signers.
/// @notice Only sizes and roots are kept; no record ever reaches the chain. Whether a head follows from the one before is
/// checked off the chain by each signer (consistency proof, cosignatures of the log) before it signs.
contract EvidenceAnchor is EIP712 {
    /// Most signers that one log may have.
    uint256 public constant MOST_SIGNERS = 32;

    bytes32 public constant ANCHOR_TYPE = keccak256("Anchor(bytes32 logId,uint64 size,bytes32 root)");
    bytes32 public constant ROTATE_TYPE =
        keccak256("Rotate(bytes32 logId,uint32 generation,uint16 quorum,address[] signers)");

    struct Log {
        uint64 size;
        uint32 generation;
        uint16 quorum;
        uint16 signers;
    }

    /// Size of the last head, number of the signers' generation (1 is the first), quorum and number of signers.
    mapping(bytes32 => Log) public logs;
    /// Root of each anchored size; zero where that size was never anchored.
    mapping(bytes32 => mapping(uint64 => bytes32)) public rootAt;
    /// The last generation in which an address may sign for a log.
    mapping(bytes32 => mapping(address => uint32)) public signerUntil;

    event Registered(bytes32 indexed logId, address indexed registrant, string origin, uint16 quorum, address[] signers);
    event Anchored(bytes32 indexed logId, uint64 indexed size, bytes32 root, uint64 previousSize);
    event Rotated(bytes32 indexed logId, uint32 generation, uint16 quorum, address[] signers);

    error LogExists(bytes32 logId);
    error LogUnknown(bytes32 logId);
    error SizeNotGrown(uint64 have, uint64 given);
    error RootEmpty();
    error QuorumInvalid(uint256 quorum, uint256 signers);
    error SignersNotAscending(address before, address then);
    error SignaturesWanted(uint256 count, uint256 bytesGiven);
    error NotASigner(address recovered);

    constructor() EIP712("Assay Evidence Anchor", "1") {}

    /// @notice The id of a log: nobody but the registrant can make it.
    /// @param registrant the account that registers it
    /// @param origin the log's origin line (C2SP tlog-checkpoint), UTF-8
    function logIdOf(address registrant, string calldata origin) public pure returns (bytes32) {
        return keccak256(abi.encodePacked(registrant, origin));
    }

    /// @notice Register a log of the sender's.
    /// @param signers anchor signers, strictly ascending
    /// @param quorum how many of them a head needs
    function register(string calldata origin, address[] calldata signers, uint16 quorum)
        external
        returns (bytes32 logId)
    {
        logId = logIdOf(msg.sender, origin);
        if (logs[logId].generation != 0) revert LogExists(logId);
        _appoint(logId, 1, signers, quorum);
        emit Registered(logId, msg.sender, origin, quorum, signers);
    }

    /// @notice Anchor a larger head. Anyone may bring it; the signatures carry the authority.
    /// @param signatures as many as the quorum, 65 bytes each (r, s, v), by strictly ascending signer, low s
    function anchor(bytes32 logId, uint64 size, bytes32 root, bytes calldata signatures) external {
        Log memory log = logs[logId];
        if (log.generation == 0) revert LogUnknown(logId);
        if (size <= log.size) revert SizeNotGrown(log.size, size);
        if (root == bytes32(0)) revert RootEmpty();
        _checkQuorum(logId, log, keccak256(abi.encode(ANCHOR_TYPE, logId, size, root)), signatures);
        logs[logId].size = size;
        rootAt[logId][size] = root;
        emit Anchored(logId, size, root, log.size);
    }

    /// @notice Replace the signers; the present quorum signs for it, once.
    function rotate(bytes32 logId, address[] calldata signers, uint16 quorum, bytes calldata signatures) external {
        Log memory log = logs[logId];
        if (log.generation == 0) revert LogUnknown(logId);
        uint32 generation = log.generation + 1;
        bytes32 what = keccak256(
            abi.encode(ROTATE_TYPE, logId, generation, quorum, keccak256(abi.encodePacked(signers)))
        );
        _checkQuorum(logId, log, what, signatures);
        _appoint(logId, generation, signers, quorum);
        emit Rotated(logId, generation, quorum, signers);
    }

    /// @notice Whether a leaf is in the log as it was anchored at a size.
    function includes(bytes32 logId, uint64 size, uint64 index, bytes32 leaf, bytes32[] calldata path)
        external
        view
        returns (bool)
    {
        bytes32 root = rootAt[logId][size];
        if (root == bytes32(0)) return false;
        (bool fits, bytes32 computed) = Rfc6962.rootOf(leaf, index, size, path);
        return fits && computed == root;
    }

    /// @notice Whether an address may sign for a log now.
    function isSigner(bytes32 logId, address signer) external view returns (bool) {
        uint32 generation = logs[logId].generation;
        return generation != 0 && signerUntil[logId][signer] == generation;
    }

    /// @notice The EIP-712 domain separator, which binds signatures to this chain and this contract.
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    function _appoint(bytes32 logId, uint32 generation, address[] calldata signers, uint16 quorum) private {
        if (quorum == 0 || quorum > signers.length || signers.length > MOST_SIGNERS) {
            revert QuorumInvalid(quorum, signers.length);
        }
        address before = address(0);
        for (uint256 i = 0; i < signers.length; i++) {
            if (signers[i] <= before) revert SignersNotAscending(before, signers[i]);
            before = signers[i];
            signerUntil[logId][before] = generation;
        }
        logs[logId].generation = generation;
        logs[logId].quorum = quorum;
        logs[logId].signers = uint16(signers.length);
    }

    function _checkQuorum(bytes32 logId, Log memory log, bytes32 what, bytes calldata signatures) private view {
        if (signatures.length != 65 * uint256(log.quorum)) revert SignaturesWanted(log.quorum, signatures.length);
        bytes32 digest = _hashTypedDataV4(what);
        address before = address(0);
        for (uint256 i = 0; i < log.quorum; i++) {
            bytes calldata one = signatures[65 * i:65 * i + 65];
            // ECDSA.recover refuses a high s, a v other than 27 or 28, and the zero address.
            address signer = ECDSA.recover(digest, uint8(one[64]), bytes32(one[0:32]), bytes32(one[32:64]));
            if (signer <= before) revert SignersNotAscending(before, signer);
            if (signerUntil[logId][signer] != log.generation) revert NotASigner(signer);
            before = signer;
        }
    }
}
