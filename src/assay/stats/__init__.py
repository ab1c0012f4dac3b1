"""Statistics: arrays in, frozen results out; usable without a plant."""
