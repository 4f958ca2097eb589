"""The promises held from outside: a real deployer on real Docker, registry and Nginx."""
