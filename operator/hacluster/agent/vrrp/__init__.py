"""VRRP on the wire: advertisements of the other nodes and what is wrong with them."""
