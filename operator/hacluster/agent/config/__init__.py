"""From the mounted ConfigMap to the configuration that the daemons run."""
