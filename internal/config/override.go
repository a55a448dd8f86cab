package config

import (
	"errors"
	"fmt"
	"strings"

	"credence/internal/credential"
)

// The environment variables.
const (
	// EnvConfig holds the path of the file, where no flag says it.
	EnvConfig = "CREDENCE_CONFIG"
	// EnvRedisURL overrides redis.url, and may hold user name and password.
	EnvRedisURL = "CREDENCE_REDIS_URL"
	// EnvRedisPassword overrides redis.password_file.
	EnvRedisPassword = "CREDENCE_REDIS_PASSWORD" // #nosec G101 -- the name of a variable
)

// Override puts the environment over the file, and the --redis flag over both.
// An empty flag or variable says nothing. A URL replaces redis.url as a whole;
// a user name in it replaces redis.username. A password is taken from
// CREDENCE_REDIS_PASSWORD or from CREDENCE_REDIS_URL, not from both, and one
// in the variable's URL goes to no server but that URL's. After an error c is
// as it was.
func (c *Config) Override(env func(string) string, redisFlag string) error {
	next := *c
	source, text := EnvRedisURL, env(EnvRedisURL)
	if redisFlag != "" {
		source, text = "--redis", redisFlag
	}
	var password credential.Secret
	if text != "" {
		target, err := parseRedisURL(text)
		if err != nil {
			return fmt.Errorf("config: %s: %w", source, err)
		}
		if redisFlag != "" && !target.password.Empty() {
			return errors.New("config: --redis: a password must not be an argument, which other users can see: use redis.password_file or " + EnvRedisPassword)
		}
		next.Redis.URL, password = target.url, target.password
		if target.username != "" {
			next.Redis.Username = target.username
		}
	}
	if own := strings.TrimRight(env(EnvRedisPassword), "\r\n"); own != "" {
		if !password.Empty() {
			return errors.New("config: " + EnvRedisPassword + ": " + EnvRedisURL + " holds a password too: want one of them")
		}
		password = credential.NewSecret(own)
	}
	if !password.Empty() {
		next.Redis.Password, next.Redis.PasswordFile = password, ""
	}
	if err := next.overridden(); err != nil {
		return err
	}
	*c = next
	return nil
}

// overridden tells of the first conflict that an override has made.
func (c *Config) overridden() (err error) {
	c.redisConflicts(func(what string, keys ...string) {
		if err == nil {
			err = fmt.Errorf("config: %s: %s", keys[0], what)
		}
	})
	return err
}
