// Package v2 registers the objects of a YAML file.
package v2

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// RegisterResource registers an object as a resource of its own kind.
func RegisterResource(
	ctx *pulumi.Context, apiVersion, kind, name string, properties pulumi.Input, options ...pulumi.ResourceOption,
) (pulumi.CustomResource, error) {
	// Objects of the oldest group have no group in their version, but one in their type.
	if !strings.Contains(apiVersion, "/") {
		apiVersion = "core/" + apiVersion
	}
	object := &pulumi.CustomResourceState{}
	err := ctx.RegisterResource("kubernetes:"+apiVersion+":"+kind, name, properties, object, options...)
	if err != nil {
		return nil, err
	}
	return object, nil
}
