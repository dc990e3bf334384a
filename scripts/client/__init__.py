"""The SDK's typed client, written from the OpenRPC document: `python -m scripts.client`."""
