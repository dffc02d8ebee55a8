//go:build tools

// Package tools keeps the program among the requirements.
package tools

import _ "github.com/traefik/traefik/v3/cmd/traefik"
