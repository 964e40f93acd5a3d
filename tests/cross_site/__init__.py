"""Tests of the second stage."""
