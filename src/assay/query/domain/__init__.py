"""The plant's model as a graph that questions walk on."""
