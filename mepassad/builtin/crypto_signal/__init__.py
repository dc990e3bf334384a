"""The crypto plugin `signal`: PQXDH and the Double Ratchet."""
