// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9;

/// @title Inclusion in a Merkle tree of RFC 6962.
/// @notice Leaves are sha256(0x00 || entry), nodes sha256(0x01 || left || right): one can't stand for the other, and the
/// length of a path is settled by index and size. Sorted-pair keccak proofs are another tree and never verify here.
library Rfc6962 {
    /// @notice The root that a leaf and its path lead to (RFC 9162, section 2.1.3.2).
    /// @param leaf the leaf's hash, not the entry
    /// @param index position of the leaf, from 0
    /// @param size number of leaves of the tree
    /// @param path hashes of the siblings, from the leaf up
    /// @return fits whether index and path have the lengths that the size asks for; false is never a proof
    /// @return root the root that was computed
    function rootOf(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata path)
        internal
        view
        returns (bool fits, bytes32 root)
    {
        if (index >= size) return (false, bytes32(0));
        uint256 here = index;
        uint256 last = size - 1;
        root = leaf;
        for (uint256 i = 0; i < path.length; i++) {
            if (last == 0) return (false, bytes32(0));
            if (here & 1 == 1 || here == last) {
                root = node(path[i], root);
                while (here & 1 == 0 && here != 0) {
                    here >>= 1;
                    last >>= 1;
                }
            } else {
                root = node(root, path[i]);
            }
            here >>= 1;
            last >>= 1;
        }
        fits = last == 0;
    }

    /// @notice sha256(0x01 || left || right), without leaving memory behind.
    function node(bytes32 left, bytes32 right) internal view returns (bytes32 hash) {
        bool done;
        assembly {
            let free := mload(0x40)
            mstore8(free, 1)
            mstore(add(free, 1), left)
            mstore(add(free, 33), right)
            done := staticcall(gas(), 2, free, 65, 0, 32)
            hash := mload(0)
        }
        require(done, "sha256 precompile failed");
    }
}
