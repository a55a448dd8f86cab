package parts

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A Secret is a directory as Kubernetes mounts a Secret: each file is a link into ..data, which is a link to a directory
// of one version, so that all files change at once.
type Secret struct {
	// Dir is where the files are.
	Dir string

	t       testing.TB
	version int
}

// NewSecret mounts files, by name.
func NewSecret(t testing.TB, files map[string][]byte) *Secret {
	t.Helper()
	s := &Secret{Dir: ShortDir(t), t: t}
	s.Swap(files)
	for name := range files {
		if err := os.Symlink(filepath.Join("..data", name), s.Path(name)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Path gives the path of a file.
func (s *Secret) Path(name string) string { return filepath.Join(s.Dir, name) }

// Swap puts another version of the same files in place of what is there.
func (s *Secret) Swap(files map[string][]byte) {
	s.t.Helper()
	if err := s.swap(files); err != nil {
		s.t.Fatalf("parts: secret: %v", err)
	}
}

func (s *Secret) swap(files map[string][]byte) error {
	before := fmt.Sprintf("..%d", s.version)
	s.version++
	now := fmt.Sprintf("..%d", s.version)
	if err := os.Mkdir(s.Path(now), 0o700); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.Dir, now, name), text, 0o600); err != nil {
			return err
		}
	}
	if err := os.Symlink(now, s.Path("..data_tmp")); err != nil {
		return err
	}
	if err := os.Rename(s.Path("..data_tmp"), s.Path("..data")); err != nil {
		return err
	}
	return os.RemoveAll(s.Path(before))
}
