"""Codes on parts and packages: GS1 keys in their three syntaxes, other issuing agencies, a plant's own rules.

Pure: nothing here reads a plant. Handing numbers out without repetition is the store's business, pictures of
codes are ``exchange.labels``.
"""
