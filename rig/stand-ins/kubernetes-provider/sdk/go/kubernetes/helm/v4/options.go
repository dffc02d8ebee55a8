// Package v4 has the options of charts, in the shape in which the plugin reads them.
package v4

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// RepositoryOpts says where a chart comes from.
type RepositoryOpts struct {
	Repo     *string               `pulumi:"repo"`
	Username *string               `pulumi:"username"`
	Password *string               `pulumi:"password"`
	CaFile   pulumi.AssetOrArchive `pulumi:"caFile"`
	CertFile pulumi.AssetOrArchive `pulumi:"certFile"`
	KeyFile  pulumi.AssetOrArchive `pulumi:"keyFile"`
}

// RepositoryOptsInput is RepositoryOpts before it is resolved.
type RepositoryOptsInput interface{ pulumi.Input }

// PostRenderer is a command that a rendered chart goes through.
type PostRenderer struct {
	Command string   `pulumi:"command"`
	Args    []string `pulumi:"args"`
}

// PostRendererInput is PostRenderer before it is resolved.
type PostRendererInput interface{ pulumi.Input }
