"""Amplify Gen 1: the parameters of its environments, and importing their values as secrets."""
