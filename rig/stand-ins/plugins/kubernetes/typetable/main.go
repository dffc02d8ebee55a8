// typetable prints, as JSON, how Go's Kubernetes types are laid out: for each kind of client-go's scheme the fields,
// whether a zero value is left out, and the value's type. The kubernetes plugin uses it to give objects the form that
// the API server will give them (rig/stand-ins/plugins/kubernetes/normalize.ts).
//
// Each type is one text of `field:expression` words; `?` before an expression stands for omitempty.
// To make typetable.json anew: copy this file beside a go.mod that requires k8s.io/client-go, and `go run . > typetable.json`.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	"k8s.io/client-go/kubernetes/scheme"
)

var (
	index = map[reflect.Type]int{}
	types []string
)

// expression spells a type: s string, b boolean, n integer, f float, t time, u micro time, q quantity, i int or string, y bytes,
// x anything, [] list of, {} map to, # the struct with this number, * pointer to.
func expression(t reflect.Type) string {
	switch t.PkgPath() + "." + t.Name() {
	case "k8s.io/apimachinery/pkg/apis/meta/v1.Time":
		return "t"
	case "k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime":
		return "u"
	case "k8s.io/apimachinery/pkg/api/resource.Quantity":
		return "q"
	case "k8s.io/apimachinery/pkg/util/intstr.IntOrString":
		return "i"
	}
	if t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler) {
		return "x"
	}
	switch t.Kind() {
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "n"
	case reflect.Float32, reflect.Float64:
		return "f"
	case reflect.Pointer:
		return "*" + expression(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "y"
		}
		return "[]" + expression(t.Elem())
	case reflect.Map:
		return "{}" + expression(t.Elem())
	case reflect.Struct:
		return fmt.Sprintf("#%d", structure(t))
	}
	return "x"
}

var marshaler = reflect.TypeOf((*json.Marshaler)(nil)).Elem()

func structure(t reflect.Type) int {
	if at, ok := index[t]; ok {
		return at
	}
	at := len(types)
	index[t] = at
	types = append(types, "")
	fields := map[string]string{}
	collect(t, fields)
	var words []string
	for name, e := range fields {
		words = append(words, name+":"+e)
	}
	sort.Strings(words)
	types[at] = strings.Join(words, " ")
	return at
}

func collect(t reflect.Type, fields map[string]string) {
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if f.Anonymous && name == "" {
			collect(f.Type, fields)
			continue
		}
		if name == "" {
			continue
		}
		e := expression(f.Type)
		if strings.Contains(options, "omitempty") {
			e = "?" + e
		}
		fields[name] = e
	}
}

func main() {
	kinds := map[string]int{}
	all := scheme.Scheme.AllKnownTypes()
	var names []string
	byName := map[string]reflect.Type{}
	for gvk, t := range all {
		if gvk.Version == "__internal" || !strings.HasPrefix(t.PkgPath(), "k8s.io/api/") || strings.HasSuffix(gvk.Kind, "Options") {
			continue
		}
		name := gvk.GroupVersion().String() + "/" + gvk.Kind
		names = append(names, name)
		byName[name] = t
	}
	sort.Strings(names)
	for _, name := range names {
		kinds[name] = structure(byName[name])
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if err := out.Encode(map[string]any{"kinds": kinds, "types": types}); err != nil {
		panic(err)
	}
}
