package envoy

import (
	"embed"
	"fmt"
)

// Standard is the name of the file that Source and Bootstrap give, and that the others differ from as they say.
const Standard = "envoy.yaml"

//go:embed *.yaml
var files embed.FS

// Files returns the names of all files, in alphabetical order.
func Files() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("envoy: files are embedded: " + err.Error())
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// File returns a file as people copy it, with its comments. It fails on a name that is not among Files.
func File(name string) (string, error) {
	text, err := files.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("envoy: %w", err)
	}
	return string(text), nil
}

// BootstrapFile is Bootstrap for any of the Files.
func BootstrapFile(name string, a Addresses, edits ...Edit) ([]byte, error) {
	text, err := File(name)
	if err != nil {
		return nil, err
	}
	tree, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return tree.write(a, edits)
}
