// Package kubernetes stands for the SDK's package of that name. The plugin needs of the whole SDK what is below this folder;
// compiling the types of every kind of object would cost more than the plugin itself.
package kubernetes

import "reflect"

// UntypedArgs holds the properties of an object of any kind.
type UntypedArgs map[string]any

// ElementType makes the properties an input of a resource.
func (UntypedArgs) ElementType() reflect.Type { return reflect.TypeFor[map[string]any]() }
