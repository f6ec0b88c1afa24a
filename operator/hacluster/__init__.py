"""One HACluster resource in, a highly available front door on bare-metal nodes out."""

__version__ = "0.1.0"
