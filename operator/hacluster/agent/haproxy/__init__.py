"""HAProxy and what is behind it: health, commands, lost servers."""
