// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9;

import "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import "./EvidenceAnchor.sol";
import "./InspectorRegistry.sol";
import "./Template.sol";
import "./TemplateRegistry.sol";

/// @title The quality gate of a template: an anchored disposition that a registered inspector vouches for.
/// @notice A contract sees only a hash. That the leaf is an individual disposition entry of this very lot is what the
/// inspector's signature says; that it lies in the main log is what the proof says; both are needed.
abstract contract Evidence is Template, EIP712 {
    bytes32 public constant DISPOSITION_TYPE =
        keccak256("Disposition(bytes32 logId,bytes32 leaf,uint64 accepted,uint64 rejected,uint64 deadline)");

    /// Where heads of logs are anchored; the same for all instances.
    EvidenceAnchor public immutable anchor;

    /// Which leaf, where it lies, and the path up to the anchored root.
    struct Inclusion {
        bytes32 leaf;
        uint64 index;
        uint64 size;
        bytes32[] path;
    }

    /// What the inspector signed, but for the leaf; chain and contract are in the EIP-712 domain.
    struct Verdict {
        uint64 accepted;
        uint64 rejected;
        uint64 deadline;
        bytes signature;
    }

    error AttestationExpired(uint64 deadline);
    error NotAnInspector(address recovered);
    error NotIncluded(bytes32 leaf, uint64 index, uint64 size);

    constructor(EvidenceAnchor anchor_) {
        anchor = anchor_;
    }

    /// @notice The EIP-712 domain separator, which binds attestations to this chain and this contract.
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// Checks all of it, uses the leaf up, and says who signed.
    function _admit(bytes32 logId, InspectorRegistry inspectors, Inclusion calldata entry, Verdict calldata verdict)
        internal
        returns (address inspector)
    {
        if (block.timestamp > verdict.deadline) revert AttestationExpired(verdict.deadline);
        bytes32 digest = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    DISPOSITION_TYPE, logId, entry.leaf, verdict.accepted, verdict.rejected, verdict.deadline
                )
            )
        );
        inspector = ECDSA.recover(digest, verdict.signature);
        if (!inspectors.isInspector(inspector)) revert NotAnInspector(inspector);
        if (!anchor.includes(logId, entry.size, entry.index, entry.leaf, entry.path)) {
            revert NotIncluded(entry.leaf, entry.index, entry.size);
        }
        TemplateRegistry(registry).useLeaf(keccak256(abi.encode(logId, inspectors)), entry.leaf);
    }
}
