"""The language of questions: text to tree, tree to text; nothing here knows a plant."""
