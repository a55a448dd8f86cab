package parts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSignersAreImportedByName runs scripts that import the libraries as anybody's would.
func TestSignersAreImportedByName(t *testing.T) {
	dir := t.TempDir()
	NodeModules(t, dir)
	for _, test := range []struct {
		program, file, script, want string
	}{
		{PythonProgram(t), "a.py", "import jwt\nfrom joserfc import jwk\nprint(jwt.__name__, jwk.__name__)\n", "jwt joserfc.jwk"},
		{NodeProgram(t), "a.mjs", "import { SignJWT } from \"jose\";\nconsole.log(SignJWT.name);\n", "SignJWT"},
	} {
		file := filepath.Join(dir, test.file)
		if err := os.WriteFile(file, []byte(test.script), 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.Command(test.program, file)
		command.Env = append(os.Environ(), PythonPath(t), "PYTHONDONTWRITEBYTECODE=1")
		got, err := command.CombinedOutput()
		if err != nil || strings.TrimSpace(string(got)) != test.want {
			t.Errorf("%s: got %q, %v; want %q", test.file, got, err, test.want)
		}
	}
}

// TestSignerTellsWhatIsRefused holds an error of a library's to being an answer, after which it goes on.
func TestSignerTellsWhatIsRefused(t *testing.T) {
	for _, signer := range Signers(t) {
		for range 2 {
			text, refusal := signer.Sign(t, SignRequest{Algorithm: "ES256", Key: "no key", Claims: map[string]any{"iss": "acme"}})
			if text != "" || refusal.Error == "" || refusal.Why == "" {
				t.Errorf("%s with what is no key: got %q, %+v; want a refusal", signer.Name, text, refusal)
			}
		}
	}
}
