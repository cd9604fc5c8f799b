.PHONY: help test
help:
	@echo 'make test    proves the library'
test:
	cargo test --workspace
