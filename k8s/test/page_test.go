package k8s

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPage holds docs/kubernetes.md to the folders: each form has its page, and
// what a command names is there.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	var named []string
	for _, found := range regexp.MustCompile(`\bk8s/([a-z0-9/.-]*[a-z0-9])`).FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(filepath.Join("..", found[1])); err != nil {
			t.Errorf("docs/kubernetes.md names k8s/%s: %v", found[1], err)
		}
		folder, _, _ := strings.Cut(found[1], "/")
		named = append(named, folder)
	}
	for _, form := range append([]string{"sidecar"}, forms...) {
		if !slices.Contains(named, form) {
			t.Errorf("docs/kubernetes.md does not name k8s/%s", form)
		}
	}
	for secret, keys := range secretKeys {
		for _, key := range keys {
			if secret == "credence" && !strings.Contains(page, "--from-file="+key) {
				t.Errorf("docs/kubernetes.md does not make the key %s of the Secret credence", key)
			}
		}
	}
	if !strings.Contains(page, "not validated") {
		t.Error("docs/kubernetes.md does not say that kgateway's is not validated")
	}
}
