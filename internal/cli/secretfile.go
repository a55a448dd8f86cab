package cli

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"credence/internal/config"
	"credence/internal/credential"
)

// loadPeppers reads the peppers from their files. Errors name the key and the
// file, never what is in it.
func loadPeppers(files map[credential.DigestKind]string) (credential.Peppers, error) {
	byKind := make(map[credential.DigestKind]credential.Secret, len(files))
	for _, kind := range slices.Sorted(maps.Keys(files)) {
		text, err := os.ReadFile(files[kind])
		if err != nil {
			return credential.Peppers{}, fmt.Errorf("credentials.pepper_files.%s: %w", kind, err)
		}
		if strings.TrimSpace(string(text)) == "" {
			return credential.Peppers{}, fmt.Errorf("credentials.pepper_files.%s: %s is empty", kind, files[kind])
		}
		byKind[kind] = credential.NewSecret(string(text))
	}
	return credential.NewPeppers(byKind)
}

// readPassword reads a password, without the ends of lines behind it.
func readPassword(path string) (credential.Secret, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return credential.Secret{}, fmt.Errorf("redis.password_file: %w", err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" {
		return credential.Secret{}, fmt.Errorf("redis.password_file: %s is empty", path)
	}
	return credential.NewSecret(password), nil
}

// secretFiles gives the files that hold secrets, by the key that names them.
func secretFiles(c config.Config) map[string]string {
	files := make(map[string]string)
	for kind, path := range c.Credentials.PepperFiles {
		files["credentials.pepper_files."+string(kind)] = path
	}
	if c.Redis.PasswordFile != "" {
		files["redis.password_file"] = c.Redis.PasswordFile
	}
	if c.Redis.TLS.KeyFile != "" {
		files["redis.tls.key_file"] = c.Redis.TLS.KeyFile
	}
	if c.Listen.TLS.KeyFile != "" {
		files["listen.tls.key_file"] = c.Listen.TLS.KeyFile
	}
	return files
}

// A secretFile is a file with a secret, and the key that names it.
type secretFile struct{ key, path string }

// openFiles gives the files with secrets that every user can read.
func openFiles(c config.Config) (open []secretFile) {
	const others fs.FileMode = 0o004
	files := secretFiles(c)
	for _, key := range slices.Sorted(maps.Keys(files)) {
		if info, err := os.Stat(files[key]); err == nil && info.Mode().Perm()&others != 0 {
			open = append(open, secretFile{key, files[key]})
		}
	}
	return open
}
