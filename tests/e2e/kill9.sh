#!/usr/bin/env bash
exec python3 tests/e2e/kill9.py
