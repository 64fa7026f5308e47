"""Clients: the customers of the MSP."""

from flask import Blueprint

clients = Blueprint("clients", __name__)
