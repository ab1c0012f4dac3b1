// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9;

/// @title What every contract template does.
interface ITemplate {
    /// @notice Set up one instance; called once, by the registry, in the transaction that makes the clone.
    /// @param creator who asked the registry for it
    /// @param params ABI encoding of the template's terms, as its manifest lists them
    function initialise(address creator, bytes calldata params) external;

    /// @notice The registry that the implementation was built for.
    function registry() external view returns (address);

    /// @notice Number of the state now, as the manifest lists states.
    function state() external view returns (uint8);
}
