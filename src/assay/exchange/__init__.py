"""What crosses the fence of the plant: events for partners, labels and codes."""
