#!/usr/bin/env bash
# Writes every generated file again: the wire types (internal/api/wire/wire.gen.go), from the REST contract.
set -euo pipefail
cd "$(dirname "$0")/../tools"

go tool oapi-codegen -config ../internal/api/wire/generate.yaml ../api/openapi.yaml
