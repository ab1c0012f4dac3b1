"""Derived tables: DWD, DWS and ADS, each made again from the one below."""
