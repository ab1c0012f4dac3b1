// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9;

import "@openzeppelin/contracts/access/Ownable2Step.sol";
import "@openzeppelin/contracts/proxy/Clones.sol";

import "./ITemplate.sol";

/// @title The templates of a consortium, their instances, and the tokens they may hold.
/// @notice A template is one immutable implementation; a new version is a new id, instances never change their code. An
/// instance is an EIP-1167 clone, made and set up in one transaction, so nobody can come in between.
contract TemplateRegistry is Ownable2Step {
    struct Entry {
        address implementation;
        bool retired;
        bytes32 codeHash;
        bytes32 manifestHash;
    }

    /// By template id, the keccak256 of the name that it was published under.
    mapping(bytes32 => Entry) public templates;
    /// The template of an instance; zero for anything not made here.
    mapping(address => bytes32) public templateOf;
    /// Tokens that new instances may hold: no fees on transfers, no rebasing.
    mapping(address => bool) public tokenAllowed;
    /// The instance that used a leaf, by template, scope and leaf.
    mapping(bytes32 => address) public usedBy;

    event Published(bytes32 indexed templateId, string name, address implementation, bytes32 codeHash, bytes32 manifestHash);
    event Retired(bytes32 indexed templateId);
    event TokenAllowed(address indexed token, bool allowed);
    event Created(bytes32 indexed templateId, address indexed instance, address indexed creator);

    error TemplateExists(bytes32 templateId);
    error TemplateUnknown(bytes32 templateId);
    error TemplateRetired(bytes32 templateId);
    error NotForThisRegistry(address implementation);
    error NotAnInstance(address sender);
    error LeafUsed(bytes32 leaf, address by);
    error NotAContract(address account);

    /// @notice Offer a template.
    /// @param name name and version, such as purchase-order/1
    /// @param implementation the locked implementation, built for this registry
    /// @param manifestHash sha256 of the manifest file
    function publish(string calldata name, address implementation, bytes32 manifestHash)
        external
        onlyOwner
        returns (bytes32 templateId)
    {
        templateId = keccak256(bytes(name));
        if (templates[templateId].implementation != address(0)) revert TemplateExists(templateId);
        if (implementation.code.length == 0) revert NotAContract(implementation);
        if (ITemplate(implementation).registry() != address(this)) revert NotForThisRegistry(implementation);
        bytes32 codeHash = implementation.codehash;
        templates[templateId] = Entry(implementation, false, codeHash, manifestHash);
        emit Published(templateId, name, implementation, codeHash, manifestHash);
    }

    /// @notice Offer it no more; what was made of it goes on.
    function retire(bytes32 templateId) external onlyOwner {
        if (templates[templateId].implementation == address(0)) revert TemplateUnknown(templateId);
        templates[templateId].retired = true;
        emit Retired(templateId);
    }

    /// @notice Say whether new instances may hold a token; those that hold it already are not touched.
    function allowToken(address token, bool allowed) external onlyOwner {
        if (token.code.length == 0) revert NotAContract(token);
        tokenAllowed[token] = allowed;
        emit TokenAllowed(token, allowed);
    }

    /// @notice Make an instance and set it up.
    /// @param params ABI encoding of its terms
    function create(bytes32 templateId, bytes calldata params) external returns (address instance) {
        Entry storage entry = templates[templateId];
        address implementation = entry.implementation;
        if (implementation == address(0)) revert TemplateUnknown(templateId);
        if (entry.retired) revert TemplateRetired(templateId);
        instance = Clones.clone(implementation);
        templateOf[instance] = templateId;
        emit Created(templateId, instance, msg.sender);
        ITemplate(instance).initialise(msg.sender, params);
    }

    /// @notice Use a leaf up: of all instances of one template that share a scope, one may, once.
    /// @param scope what the leaf counts in, such as the log and the inspectors that vouch for it; whoever is outside
    /// a scope can't use up its leaves
    function useLeaf(bytes32 scope, bytes32 leaf) external {
        bytes32 templateId = templateOf[msg.sender];
        if (templateId == bytes32(0)) revert NotAnInstance(msg.sender);
        bytes32 key = keccak256(abi.encode(templateId, scope, leaf));
        address by = usedBy[key];
        if (by != address(0)) revert LeafUsed(leaf, by);
        usedBy[key] = msg.sender;
    }
}
