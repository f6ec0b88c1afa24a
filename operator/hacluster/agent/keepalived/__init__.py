"""keepalived: its process, its notifications, its track files, and what it leaves behind."""
