"""The command line, `hacluster` and `kubectl hacluster`: one module for each subcommand.

- `main.py` – the group, which imports a subcommand's module only when it is called.

Long-running programs:
- `operator.py` – runs the operator.
- `agent.py` – runs one node's agent.

Commands that work on files:
- `documents.py` – reads YAML files as Kubernetes does.
- `validate.py` – checks resources.
- `import_.py` – makes a resource of hand-made keepalived and HAProxy files.
- `render.py` – writes the configuration files and objects of a resource to a folder.
- `manifests.py` – writes objects as YAML, and static pods.
- `rehearse.py` – runs a resource's data plane on this machine and measures failovers.
- `crd.py` – prints the CustomResourceDefinition.

Commands that talk to a cluster:
- `cluster.py` – the connection, the namespace options, the errors.
- `status.py` – shows virtual IPs, nodes, and conditions that need attention.
- `watch.py` – prints changes of the status as they happen.
- `switchover.py` – moves a virtual router to another node.
- `table.py` – formats columns and ages.
- `printable.py` – makes text from elsewhere safe for a terminal.
"""
