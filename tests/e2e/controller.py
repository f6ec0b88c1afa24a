"""Pods in place of an ingress controller: a HAProxy that ends TLS, expects the PROXY protocol, and answers with what it sees."""

import base64
import json

from tests.certificates import certificate
from tests.e2e.front import Front

_PODS = """
kind: ConfigMap
apiVersion: v1
metadata: {name: controller}
data:
  haproxy.cfg: |
    global
        maxconn 500
    defaults
        mode http
        timeout client 1h
        timeout server 1h
        timeout connect 1s
        timeout http-keep-alive 1h
    frontend controller
        bind :8080 accept-proxy
        bind :8443 accept-proxy ssl crt /tls/both.pem
        http-request return status 200 content-type text/plain lf-string "pod=%[env(POD)] node=%[env(NODE)] client=%[src] tls=%[ssl_fc]\\n"
---
kind: Deployment
apiVersion: apps/v1
metadata: {name: controller}
spec:
  replicas: 3
  selector: {matchLabels: {app: controller}}
  template:
    metadata: {labels: {app: controller}}
    spec:
      terminationGracePeriodSeconds: 5
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: DoNotSchedule
          labelSelector: {matchLabels: {app: controller}}
      containers:
        - name: haproxy
          image: IMAGE
          imagePullPolicy: Never
          command: [haproxy, -db, -f, /config/haproxy.cfg]
          env:
            - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
          resources: {requests: {cpu: 5m, memory: 16Mi}}
          readinessProbe: {tcpSocket: {port: 8443}, periodSeconds: 1}
          volumeMounts: [{name: config, mountPath: /config}, {name: tls, mountPath: /tls}]
      volumes:
        - {name: config, configMap: {name: controller}}
        - {name: tls, secret: {secretName: controller}}
"""


def create(front: Front) -> None:
    """Creates the controller in the namespace of the front door."""
    secret = certificate("shop.example")
    both = {"both.pem": "".join(base64.b64decode(secret[key]).decode() for key in ("tls.crt", "tls.key"))}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "controller"}, "stringData": both}
    front.kubectl("create", "-f", "-", stdin=json.dumps(manifest))
    front.kubectl("apply", "-f", "-", stdin=_PODS.replace("IMAGE", front.lab.images.node))


def running(front: Front) -> None:
    """Waits until all its pods are ready."""
    front.kubectl("rollout", "status", "deployment/controller", "--timeout=180s")
