package parts

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const getSigners = "`make signers` fetches the pinned libraries into .bin, and Node where the machine has none"

// PythonProgram finds the machine's Python. What it runs finds PyJWT and joserfc with PythonPath in its environment.
func PythonProgram(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("python3")
	if err != nil {
		t.Fatalf("parts: Python: %v: install it, on Debian and Ubuntu with: sudo apt-get install python3 python3-pip", err)
	}
	return program
}

// PythonPath returns the entry of an environment by which Python imports the pinned libraries: PYTHONPATH=….
func PythonPath(t testing.TB) string {
	t.Helper()
	return "PYTHONPATH=" + pinned(t, "python")
}

// NodeProgram finds Node: the pinned one where the machine's own was none or too old for make, else the machine's.
func NodeProgram(t testing.TB) string {
	t.Helper()
	fetched, err := inRepository(filepath.Join(".bin", "nodejs", "bin", "node"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(fetched); err == nil {
		return fetched
	}
	program, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("parts: Node: %v: %s", err, getSigners)
	}
	return program
}

// NodeModules puts a node_modules into a directory, so that scripts there, and below, import the pinned jose by its
// name. A variable of the environment would not do: modules with import are looked for beside the script, and upwards.
func NodeModules(t testing.TB, dir string) {
	t.Helper()
	if err := os.Symlink(pinned(t, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatalf("parts: Node: %v", err)
	}
}

// pinned finds what make puts into .bin. It is looked at by this process, so that go test forgets a cached result when
// another one is put there.
func pinned(t testing.TB, name string) string {
	t.Helper()
	path, err := inRepository(filepath.Join(".bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("parts: signers: %v: %s", err, getSigners)
	}
	return path
}
