package cli

import (
	"bytes"
	"encoding/pem"
	"regexp"

	"github.com/spf13/cobra"
)

// privateMembers are the members of a JWK that make it a private key, for jq.
const privateMembers = ".d,.p,.q,.dp,.dq,.qi,.oth"

// newEd25519 makes a pair where a key of OpenSSH has no other form.
const newEd25519 = "openssl genpkey -algorithm ed25519"

// refusePrivate refuses a private key, and says how to come to its public half.
func refusePrivate(cmd *cobra.Command, args []string, text []byte, file string) error {
	name := "FILE"
	if file != "-" {
		name = shellWord(file)
	}
	half := "openssl pkey -in " + name + " -pubout"
	block, _ := pem.Decode(text)
	switch {
	case block != nil && block.Type == "OPENSSH PRIVATE KEY" && bytes.Contains(block.Bytes, []byte("ssh-ed25519")):
		return misused("%s: %s holds a private key, and nothing was stored; it is an Ed25519 key in the form of OpenSSH, from which ssh-keygen makes no PEM: make a pair with %s",
			pathOf(cmd), inputName(file), newEd25519)
	case block != nil && block.Type == "OPENSSH PRIVATE KEY":
		half = "ssh-keygen -e -m pkcs8 -f " + name
	case block == nil && bytes.Contains(text, []byte(`"keys"`)):
		half = "jq 'del(.keys[] | " + privateMembers + ")' " + name
	case block == nil && bytes.HasPrefix(text, []byte("{")):
		half = "jq 'del(" + privateMembers + ")' " + name
	}
	return misused("%s: %s holds a private key, and nothing was stored: it belongs to the client alone; what is registered is the public half: %s | %s",
		pathOf(cmd), inputName(file), half, fromStdin(cmd, args))
}

// sshPublic finds a public key in the form of OpenSSH, and its kind.
var sshPublic = regexp.MustCompile(`^(ssh-[a-z0-9]+|ecdsa-sha2-[a-z0-9]+) AAAA`)

// refuseSSH refuses a public key in the form of OpenSSH; nil: it is none.
func refuseSSH(cmd *cobra.Command, args []string, text []byte, file string) error {
	found := sshPublic.FindSubmatch(text)
	switch {
	case found == nil:
		return nil
	case string(found[1]) == "ssh-ed25519":
		return misused("%s: %s: is an Ed25519 key in the form of OpenSSH, from which ssh-keygen makes no PEM: make a pair with %s", pathOf(cmd), inputName(file), newEd25519)
	case file == "-":
		return misused("%s: %s: is a key in the form of OpenSSH: want PEM: ssh-keygen -e -m pkcs8 -f FILE | %s", pathOf(cmd), inputName(file), fromStdin(cmd, args))
	}
	return misused("%s: %s: is a key in the form of OpenSSH: want PEM: ssh-keygen -e -m pkcs8 -f %s | %s", pathOf(cmd), inputName(file), shellWord(file), fromStdin(cmd, args))
}
