// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9;

import "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// A token as it should be; anyone may mint.
contract PlainToken is ERC20 {
    constructor() ERC20("Plain", "PLN") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// Keeps one per cent of every transfer.
contract FeeToken is ERC20 {
    constructor() ERC20("Fee", "FEE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _transfer(address from, address to, uint256 amount) internal override {
        super._transfer(from, to, amount - amount / 100);
        super._transfer(from, address(this), amount / 100);
    }
}

/// Calls a target before it moves anything, and says whether the call came through.
contract CallingToken is ERC20 {
    address public target;
    bytes public data;
    bool public cameThrough;

    constructor() ERC20("Calling", "CLL") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function aim(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function _transfer(address from, address to, uint256 amount) internal override {
        address aimed = target;
        if (aimed != address(0)) {
            target = address(0);
            (cameThrough, ) = aimed.call(data);
        }
        super._transfer(from, to, amount);
    }
}

/// A seller that is a contract, so that a token can call back through it.
contract Puppet {
    function act(address target, bytes calldata data) external returns (bytes memory answer) {
        bool done;
        (done, answer) = target.call(data);
        if (!done) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
    }
}
