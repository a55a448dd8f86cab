package k8s

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"credence/internal/e2e/parts"
)

// TestEnvoyOfTheExample shows the bootstrap of the example to the real Envoy,
// and holds its socket to credence's.
func TestEnvoyOfTheExample(t *testing.T) {
	form := manifests(t).mustRender(t, "example")
	var bootstrap string
	for _, m := range all[corev1.ConfigMap](form) {
		if text, is := m.Data["envoy.yaml"]; is {
			bootstrap = text
		}
	}
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, []byte(bootstrap), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), parts.EnvoyProgram(t), "--mode", "validate", "-c", file, "--log-level", "error").CombinedOutput(); err != nil {
		t.Errorf("Envoy refuses the bootstrap: %v\n%s", err, out)
	}
	conf, err := configurationOf(form, servers(form)[0])
	if err != nil {
		t.Fatal(err)
	}
	_, socket := conf.Listen.Address()
	for _, want := range []string{"pipe: {path: " + socket + "}", "failure_mode_allow: false", "timeout: 0.2s"} {
		if !strings.Contains(bootstrap, want) {
			t.Errorf("the bootstrap does not hold %q", want)
		}
	}
}
