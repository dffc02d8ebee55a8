//go:build tools

// Package tools keeps the program among the requirements.
package tools

import _ "github.com/oauth2-proxy/oauth2-proxy/v7"
