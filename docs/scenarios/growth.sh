#!/usr/bin/env bash
# Prints a scenario of so many pods on so many nodes, about four fifths full: growth.sh PODS NODES
set -euo pipefail
pods=$1 nodes=$2
# Pods of 1 and 3 cpu in turn, 10 minutes each: one of each kind every 187.5 s / nodes keeps 6.4 pods a node.
every=$((187500 / nodes))
cat <<YAML
apiVersion: leasehold.dev/v1alpha1
kind: Scenario
metadata: {name: growth-$pods-$nodes}
spec:
  cluster:
    nodes: [{count: $nodes, name: node, allocatable: {cpu: "16", memory: 64Gi, pods: 110}}]
    podStartup: 2s
    podTermination: 2s
  objects:
    - apiVersion: leasehold.dev/v1alpha1
      kind: CapacityPool
      metadata: {name: general}
      spec: {resources: [cpu, memory], rootNamespace: enterprise, nodeSelector: {}}
    - apiVersion: leasehold.dev/v1alpha1
      kind: CapacityLease
      metadata: {name: web, namespace: enterprise}
      spec: {pool: general, lessee: web, guaranteed: {cpu: "$((nodes * 4))", memory: $((nodes * 16))Gi}}
    - apiVersion: leasehold.dev/v1alpha1
      kind: CapacityLease
      metadata: {name: batch, namespace: enterprise}
      spec: {pool: general, lessee: batch, guaranteed: {cpu: "$((nodes * 12))", memory: $((nodes * 48))Gi}}
  workloads:
    - job: {namespace: web, name: small, count: $((pods / 2)), every: ${every}ms, request: {cpu: "1", memory: 2Gi}, duration: 10m}
    - job: {namespace: batch, name: large, count: $((pods / 2)), every: ${every}ms, request: {cpu: "3", memory: 4Gi}, duration: 10m}
YAML
