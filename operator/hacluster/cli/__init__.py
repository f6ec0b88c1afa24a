"""The command line, `hacluster` and `kubectl hacluster`: one module for each subcommand.

main – the group, which imports a subcommand's module only when it is called.

Long-running programs:
operator – runs the operator.
agent – runs one node's agent.

Commands that work on files:
documents – reads YAML files as Kubernetes does.
validate – checks resources.
render – writes the configuration files and objects of a resource to a folder.
rehearse – runs a resource's data plane on this machine and measures failovers.
crd – prints the CustomResourceDefinition.

Commands that talk to a cluster:
cluster – the connection, the namespace options, the errors.
status – shows virtual IPs, nodes, and conditions that need attention.
watch – prints changes of the status as they happen.
switchover – moves a virtual router to another node.
table – formats columns and ages.
"""
