"""The generated configuration with the real daemons: they accept the files, and the pods of the plan run.

tutorial – the plan of the tutorial
judges – runs the daemons' own configuration checks (`check.sh`) on many files in one container
pod – runs the containers of a pod template with a container engine, as the kubelet would
"""
