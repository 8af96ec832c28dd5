"""The pages that only connected apps need: importing, connecting and deploying."""
