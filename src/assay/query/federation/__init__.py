"""Tables that stay in other databases and are asked as if they were here."""
