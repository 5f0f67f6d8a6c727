"""The examples of the interface's document, letter by letter, in tests/corpus/contract."""
import os

CONTRACT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "corpus", "contract")


def contract(name):
    with open(os.path.join(CONTRACT, name), encoding="utf-8") as file:
        return file.read()
